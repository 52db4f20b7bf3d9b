-- MySQL dump 10.13 ü

SET NAMES utf8;
